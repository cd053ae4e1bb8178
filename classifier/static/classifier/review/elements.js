// The parts of the page that more than one module needs.

export const by = (id) => document.getElementById(id);
export const button = (act) => document.querySelector(`[data-act="${act}"]`);
export const grid = by("grid"), palette = by("palette"), find = by("find"), help = by("help");
