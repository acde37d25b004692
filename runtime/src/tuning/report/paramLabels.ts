const MOST_LETTERS = 32;

/** What charts call each parameter: the end of its path where that is enough to tell it apart. */
export function paramLabels(names: readonly string[]): Map<string, string> {
  const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const short = (name: string): string => {
    const last = lastOf(name);
    const label = names.filter((each) => lastOf(each) === last).length === 1 ? last : name;
    return label.length <= MOST_LETTERS ? label : `...${label.slice(-MOST_LETTERS)}`;
  };
  return new Map(names.map((name) => [name, short(name)]));
}
