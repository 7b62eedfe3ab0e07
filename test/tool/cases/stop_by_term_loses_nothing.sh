. "$CASES/../stop.sh"
stopped_equals_undisturbed TERM 75
