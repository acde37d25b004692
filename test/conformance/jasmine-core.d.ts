declare module 'jasmine-core/lib/jasmine-core/jasmine.js' {
  const required: unknown;
  export default required;
}
