#!/bin/sh
# Three cron jobs that make a backup, one after the other: backup.sh done right.
#
#     sh backup-safe.sh
#     filerace hunt -- sh backup-safe.sh
#
# The lock file is made once and stays. All jobs then lock the same file, whenever
# they open it, and an empty file that stays does no harm.

dir=$(mktemp -d) || exit 0
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 0

echo 0 >count # backups made so far
: >log

backup() {
	(
		flock 9 # waits until no one else has the lock

		read -r n <count
		n=$((n + 1))
		echo "backup $n by job $1" >>log
		echo "$n" >count
		# Closing descriptor 9, here by the end of the subshell, frees the lock.
	) 9>backup.lock
}

backup 1 &
backup 2 &
backup 3 &
wait

cat log
read -r n <count
echo "3 jobs ran, $n backups counted"
exit 0
