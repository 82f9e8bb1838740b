/* Prints what a program starts with: arguments, environment, working directory, ids, auxiliary vector. */
#define _GNU_SOURCE
#include <elf.h>
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    char cwd[4096];
    for (int i = 0; i < argc; i++) {
        printf("argv[%d]=%s\n", i, argv[i]);
    }
    char **e = environ;
    for (; *e; e++) {
        printf("env %s\n", *e);
    }
    printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
    printf("uid %d gid %d pid %d\n", (int)getuid(), (int)getgid(), (int)getpid());
    for (Elf64_auxv_t *a = (Elf64_auxv_t *)(e + 1); a->a_type != AT_NULL; a++) {
        printf("auxv %lu=0x%lx\n", (unsigned long)a->a_type, (unsigned long)a->a_un.a_val);
    }
    return 0;
}
