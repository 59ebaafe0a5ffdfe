# Compiles every text beside the job, whose lines are comments, by "$3" gcc, into the folder $2.
set -e
job=$1
outdir=$2
shift 2
for text in "$(dirname "$job")"/data/*.txt; do
  "$@" gcc -x c -c "$text" -o "$outdir/$(basename "$text" .txt).o"
done
