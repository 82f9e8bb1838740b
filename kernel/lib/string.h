// The C string functions that kernel code uses. In the kernel they come from musl's sources.
#pragma once

#include <cstddef>

#ifdef LINNET_KERNEL
extern "C" {
void* memcpy(void* __restrict, const void* __restrict, size_t);
void* memmove(void*, const void*, size_t);
void* memset(void*, int, size_t);
int memcmp(const void*, const void*, size_t);
void* memchr(const void*, int, size_t);
size_t strlen(const char*);
size_t strnlen(const char*, size_t);
int strcmp(const char*, const char*);
int strncmp(const char*, const char*, size_t);
char* strchr(const char*, int);
char* strrchr(const char*, int);
}
#else
#include <cstring>
#endif
