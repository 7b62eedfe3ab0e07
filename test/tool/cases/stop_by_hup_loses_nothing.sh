. "$CASES/../stop.sh"
stopped_equals_undisturbed HUP 75
