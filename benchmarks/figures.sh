# Measures all that stands in README.md: sh benchmarks/figures.sh RESULTS.json
set -e
results=$1
status=0
python -m benchmarks run --plan targets --json "$results" || status=$?
python -m benchmarks entries --json "$results"
python -m benchmarks hashing --json "$results"
python -m benchmarks targets "$results"
python -m benchmarks readme "$results"
exit "$status"
