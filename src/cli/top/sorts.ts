/** @module */

/** What the real servers of `top` can be sorted by; all but the name begin with the largest. */
export const TOP_SORTS = ['name', 'weight', 'active', 'inactive', 'cps', 'inpps', 'outpps', 'inbps', 'outbps'] as const;
/** One of {@link TOP_SORTS}. */
export type TopSort = (typeof TOP_SORTS)[number];
