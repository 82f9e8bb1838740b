// <string.h> and <stdlib.h> for lwIP's C sources, which include no more than these.
#ifndef LINNET_LWIP_LIBC_STRING_H
#define LINNET_LWIP_LIBC_STRING_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void* memcpy(void* __restrict, const void* __restrict, size_t);
void* memmove(void*, const void*, size_t);
void* memset(void*, int, size_t);
int memcmp(const void*, const void*, size_t);
size_t strlen(const char*);
int strcmp(const char*, const char*);
int strncmp(const char*, const char*, size_t);
#ifdef __cplusplus
}
#endif
#endif
