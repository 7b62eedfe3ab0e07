/* Operations: WN_OP(NAME, name, traits) makes the enumerator WN__OP_<NAME>; backend ref has all of them, as `const wn__ref_kind wn__ref_<name>`.
 * conv and linear: out = [relu](conv(in) [+ bias]); param: weight (out, in/groups, kh, kw) or (out, c*h*w), bias or NULL; linear flattens in (c,h,w) order
 * norm: out = [relu](batch_norm(in[0]) [+ in[1]]); param: scale, shift, running mean, running variance
 * add: out = [relu](in[0] [+ in[1]])
 * pools: padding never wins, and is not counted
 * dropout: out = keep ? in / (1 - rate) : 0 in training, in otherwise */
WN_OP(CONV, conv, WN__OP_WEIGHS | WN__OP_WINDOWS | WN__OP_READS_GRADIENT)
WN_OP(LINEAR, linear, WN__OP_WEIGHS | WN__OP_READS_GRADIENT)
WN_OP(NORM, norm, WN__OP_TAKES_TWO | WN__OP_IN_PLACE | WN__OP_PASSES_SECOND | WN__OP_IS_CHEAP | WN__OP_SUMS_SCRATCH)
WN_OP(ADD, add, WN__OP_TAKES_TWO | WN__OP_IN_PLACE | WN__OP_PASSES_FIRST | WN__OP_PASSES_SECOND | WN__OP_IS_CHEAP)
WN_OP(MAX_POOL, max_pool, 0)
WN_OP(AVG_POOL, avg_pool, 0)
WN_OP(DROPOUT, dropout, 0)
