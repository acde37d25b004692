throw new Error('this file does not load');

export const never = true;
