python=${WINNOW_OPTUNA_PYTHON:-python3}
"$python" -c 'import optuna' 2>/dev/null || { echo "skipped: $python has no Optuna"; exit 77; }
cp "$CASES"/../files/swept.yaml .
"$python" "$CASES"/../../../examples/sweep_optuna.py swept.yaml --trials 5 --prune --quiet
