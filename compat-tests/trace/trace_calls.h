// What the parts of trace_calls share. Every call is made by number, so that both C libraries make the same ones.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name, ...) syscall(SYS_##name, ##__VA_ARGS__)
// A pointer that nobody can read.
#define BAD ((void*)0x10)

void trace_files(void);
void trace_memory(void);
void trace_signals(void);
void trace_processes(void);
void trace_sockets(void);
void trace_netlink(void);
void trace_events(void);
void trace_times(void);
void trace_ipc(void);
void trace_settings(void);
void trace_terminals(void);
