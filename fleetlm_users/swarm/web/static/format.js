// Numbers as people read them; the same rules as measure/formatting.py.

export const NOTHING = "–";

function grouped(value, digits) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function ms(value) {
  if (value == null) return NOTHING;
  const size = Math.abs(value);
  return grouped(value, size < 10 ? 3 : size < 100 ? 2 : size < 10_000 ? 1 : 0);
}

export function count(value) {
  return value == null ? NOTHING : grouped(value, 0);
}

export function perSecond(value) {
  return value == null ? NOTHING : grouped(value, value >= 1000 || value === 0 ? 0 : value >= 10 ? 1 : 2);
}

export function percent(value) {
  return value == null ? NOTHING : `${grouped(value, 0)} %`;
}

export function bytes(value) {
  if (value == null) return NOTHING;
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1024 ? `${grouped(mebibytes, 0)} MiB` : `${grouped(mebibytes / 1024, 2)} GiB`;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${two(minutes % 60)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
