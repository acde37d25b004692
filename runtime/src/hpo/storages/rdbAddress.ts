/** True for `postgresql://...`, in the spellings of libpq and of Optuna (`postgresql+psycopg2`). */
export function isPostgresAddress(location: string): boolean {
  return /^postgres(ql)?(\+\w+)?:\/\//i.test(location);
}

/** The address as the driver wants it: without the name of a Python driver. */
export function driverAddress(address: string): string {
  return address.replace(/^postgres(ql)?(\+\w+)?:\/\//i, 'postgresql://');
}

/** The address for messages and reports: whatever it says about a password is left out. */
export function withoutPassword(address: string): string {
  return (
    address
      // Up to the last @ of the authority: a password may hold one that was not escaped.
      .replace(/^([a-z][a-z0-9+]*:\/\/)([^/?#]*)@/i, (_whole, scheme: string, user: string) => {
        const colon = user.indexOf(':');
        return colon < 0 ? `${scheme}${user}@` : `${scheme}${user.slice(0, colon)}:***@`;
      })
      .replace(/([?&](?:password|sslpassword)=)[^&#]*/gi, '$1***')
  );
}
