# The program starts itself again with a waiting policy, unless there is one; and only once, from PATH and by its path.
winnow doctor | grep -q 'OpenMP waits  *passively' || exit 1
"$(command -v winnow)" doctor | grep -q 'OpenMP waits  *passively' || exit 1
OMP_WAIT_POLICY=active winnow doctor | grep -q 'OpenMP waits  *spinning'
