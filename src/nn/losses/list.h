/* All losses, in the order in which they are listed. */
WN__LOSS(cross_entropy)
WN__LOSS(binary_cross_entropy)
WN__LOSS(mse)
WN__LOSS(huber)
WN__LOSS(kl_divergence)
WN__LOSS(binary_kl_divergence)
