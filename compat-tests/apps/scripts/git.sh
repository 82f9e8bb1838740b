# packages: git dash coreutils diffutils findutils grep sed
# memory: 512M
# git: a history made by hand, branches, a merge, a clone from a local path, push and fetch, gc.
set -eu
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
export GIT_CONFIG_NOSYSTEM=1 HOME=/tmp/home GIT_PAGER=cat
mkdir -p $HOME
git config --global init.defaultBranch main
git config --global advice.detachedHead false
git config --global gc.autoDetach false
clock=1700000000
commit() {
    clock=$((clock + 60))
    GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000" git commit -q "$@"
}

echo "## init, add, commit"
cd /tmp
git init -q one
cd one
mkdir -p src/deep
i=0
while [ $i -lt 60 ]; do
    seq $i $((i + 200)) >src/file$i
    i=$((i + 1))
done
echo deep >src/deep/file
printf '#!/bin/sh\necho run\n' >run
chmod +x run
ln -s src/file1 link
git add .
commit -m 'first'
git ls-files -s | sha256sum
git rev-parse HEAD
git status --short
echo changed >>src/file3
rm src/file4
git mv src/file5 src/renamed
git add -A
git status --short
commit -m 'second'
git show --stat --format='%h %an %ae %ad %s' --date=iso HEAD
echo dirty >>src/file6
git diff
git stash -q
git status --short
git stash pop -q
git checkout -q -- src/file6

echo "## branches and a merge"
git checkout -q -b topic HEAD~1
echo topic >src/topic
git add src/topic
commit -m 'on topic'
sed -i 's/^100$/one hundred/' src/file7
commit -a -m 'file7 on topic'
git checkout -q main
sed -i 's/^101$/conflict/' src/file7
commit -a -m 'file7 on main'
clock=$((clock + 60))
GIT_AUTHOR_DATE="$clock +0000" GIT_COMMITTER_DATE="$clock +0000" git merge -q --no-edit topic || echo "merge: status $?"
git status --short
git checkout -q --theirs src/file7
git add src/file7
commit -m 'merge topic'
git log --oneline --graph
git tag -a -m 'a tag' v1 2>/dev/null || true
git blame -s -L 99,103 src/file7
git bisect start -q HEAD HEAD~2 2>/dev/null || git bisect start HEAD HEAD~2
git bisect reset 2>/dev/null

echo "## clone from a path, push and fetch"
cd /tmp
git clone -q one two
git clone -q --bare --no-hardlinks one bare.git
git clone -q file:///tmp/bare.git three
diff -r -x .git one two
diff -r -x .git one three
cd three
echo three >three
git add three
commit -m 'of three'
git push -q origin main
cd ../two
git remote add bare /tmp/bare.git
git fetch -q bare
clock=$((clock + 60))
git merge -q --ff-only bare/main
git log --format='%h %s' -3
cd ..
git clone -q --depth 1 file:///tmp/bare.git shallow
git -C shallow log --format=%s
git archive --remote=/tmp/bare.git main src/deep 2>/dev/null | sha256sum

echo "## rebase, gc, fsck"
cd two
git checkout -q -b rebased HEAD~1
echo r >r
git add r
commit -m 'to be rebased'
GIT_COMMITTER_DATE="$clock +0000" git rebase -q main
git log --format='%H %s' -2
git reflog | wc -l
git gc -q --prune=now
git fsck --full --strict
git count-objects -v | grep -E '^(count|in-pack|packs|garbage):'
git repack -a -d -f -q --threads=2
git verify-pack -v .git/objects/pack/*.idx | grep -c ' blob '
find .git/objects -type f -name '*.pack' | wc -l

echo "## errors"
git checkout nosuch 2>&1 || echo "status $?"
git clone -q /tmp/nosuch other 2>&1 || echo "status $?"
GIT_DISCOVERY_ACROSS_FILESYSTEM=1 git -C /tmp status 2>&1 || echo "status $?"
touch .git/index.lock
git add r 2>&1 | head -n 1
rm .git/index.lock
printf '#!/bin/sh\necho "hook: $0" >&2\nexit 1\n' >.git/hooks/pre-commit
chmod +x .git/hooks/pre-commit
echo x >>r
git commit -q -a -m refused 2>&1 || echo "status $?"
echo end
