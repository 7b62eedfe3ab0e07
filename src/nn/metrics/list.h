/* All metrics, in the order in which files hold them. */
WN__METRIC(loss)
WN__METRIC(accuracy)
WN__METRIC(soft_error)
WN__METRIC(top5)
WN__METRIC(mse)
WN__METRIC(mean_average_precision)
