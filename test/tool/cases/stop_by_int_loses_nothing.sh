. "$CASES/../stop.sh"
stopped_equals_undisturbed INT 75
