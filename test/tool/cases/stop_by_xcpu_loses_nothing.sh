. "$CASES/../stop.sh"
stopped_equals_undisturbed XCPU 75
