. "$CASES/../stop.sh"
stopped_equals_undisturbed USR1 75
