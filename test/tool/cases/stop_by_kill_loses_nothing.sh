. "$CASES/../stop.sh"
stopped_equals_undisturbed KILL 137
