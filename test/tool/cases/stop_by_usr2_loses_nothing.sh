. "$CASES/../stop.sh"
stopped_equals_undisturbed USR2 75
