#!/usr/bin/env python3
"""Makes a root folder of Debian packages that are installed on this machine, for the guest (`--rootfs`) and for chroot.

    debian_root.py DIR PACKAGE...

The root holds the packages' own files but documentation and translations, the libraries that their programs need, accounts
of root and nobody, and the folders of mount points. A file of the same size and time is left alone, so a second call is quick. Exit status
77: a package is not installed.
"""

import os
import shutil
import subprocess
import sys

SKIPPED = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bash-completion/",
           "/usr/share/bug/", "/usr/share/gitweb/", "/usr/share/menu/", "/lib/systemd/", "/usr/lib/systemd/", "/usr/share/apport/")
FOLDERS = ("proc", "sys", "dev", "tmp", "run", "root", "etc", "var/tmp", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "mnt")
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def output(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def canonical(path):
    """The path with its folder's links resolved (/bin is /usr/bin); the last name stays."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def place(root, path):
    to = root + path
    if os.path.lexists(to) and not os.path.islink(path):
        old, new = os.stat(to), os.stat(path)
        if old.st_size == new.st_size and int(old.st_mtime) == int(new.st_mtime):
            return
    os.makedirs(os.path.dirname(to), exist_ok=True)
    if os.path.lexists(to):
        os.unlink(to)
    if os.path.islink(path):
        os.symlink(os.readlink(path), to)
    else:
        shutil.copy2(path, to)


def make_root(root, packages):
    for folder in FOLDERS:
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        link = os.path.join(root, name)
        if not os.path.lexists(link):
            os.symlink("usr/" + name, link)
    for name, text in ACCOUNTS.items():
        with open(os.path.join(root, name), "w", encoding="ascii") as file:
            file.write(text)
    wanted = set()
    for package in packages:
        files = output("dpkg", "-L", package).split("\n")
        if len(files) < 2:
            print("debian_root.py: package %s is not installed" % package)
            sys.exit(77)
        wanted.update(f for f in files if f and not f.startswith(SKIPPED))
    # What update-alternatives made: /usr/bin/awk.
    real = {os.path.realpath(w) for w in wanted}
    for entry in os.scandir("/usr/bin"):
        if entry.is_symlink() and os.readlink(entry.path).startswith("/etc/alternatives/") and os.path.realpath(entry.path) in real:
            wanted.add(entry.path)
    done, todo = set(), [canonical(w) for w in wanted]
    while todo:
        path = todo.pop()
        if path in done or not os.path.lexists(path) or (os.path.isdir(path) and not os.path.islink(path)):
            continue
        done.add(path)
        place(root, path)
        if os.path.islink(path):
            target = os.path.join(os.path.dirname(path), os.readlink(path))
            todo.append(canonical(os.path.normpath(target)))
        elif os.access(path, os.X_OK) and is_elf(path):
            for line in output("ldd", path).split("\n"):
                words = line.split()
                if "=>" in words and len(words) > 2 and words[2].startswith("/"):
                    todo.append(canonical(words[2]))
                elif words and words[0].startswith("/"):
                    todo.append(canonical(words[0]))
    return len(done)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    print("%d files" % make_root(os.path.abspath(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
