#!/bin/sh
# Three cron jobs that make a backup, and a race between them.
#
#     sh backup.sh
#     filerace hunt -- sh backup.sh
#
# Each job takes a lock, so that two never work at the same time, and removes the
# lock file when it is done. It looks tidy, and goes well day after day. Yet a
# lock belongs to the file and not to its name:
#
#     job 1 holds the lock; job 2 has opened the lock file and waits for it
#     job 1 removes the lock file and ends; job 2 holds the lock of a file without a name
#     job 3 finds no lock file, makes a new one, and locks that: now two are at work
#
# Both read the same number of backups, and one backup is not counted.
# backup-safe.sh is the same with the lock file kept.

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

		rm -f backup.lock # the mistake
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
