// System V IPC and message queues.
#include "trace_calls.h"

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

void trace_ipc(void) {
    int id = CALL(shmget, IPC_PRIVATE, 8192L, IPC_CREAT | 0600);
    CALL(shmget, 0x7ace, 8192L, 0), CALL(shmget, 0x7ace, 0L, IPC_CREAT | IPC_EXCL | SHM_NORESERVE | 0644);
    void* p = (void*)CALL(shmat, id, NULL, 0);
    CALL(shmat, id, NULL, SHM_RDONLY | SHM_RND), CALL(shmat, 12345678, BAD, 0);
    struct shmid_ds d;
    CALL(shmctl, id, IPC_STAT, &d), CALL(shmctl, id, IPC_SET, &d), CALL(shmctl, id, 99, &d), CALL(shmctl, id, IPC_STAT, BAD), CALL(shmctl, id, SHM_LOCK, NULL);
    CALL(shmdt, p), CALL(shmdt, 5L), CALL(shmctl, id, IPC_RMID, NULL);
    id = CALL(semget, IPC_PRIVATE, 2, IPC_CREAT | 0600);
    CALL(semget, 0x7ace, 1, 0);
    struct sembuf ops[2] = {{0, 1, 0}, {1, 0, IPC_NOWAIT | SEM_UNDO}};
    struct timespec ts = {0, 1000};
    CALL(semop, id, ops, 2L), ops[0].sem_op = -5, CALL(semtimedop, id, ops, 1L, &ts), CALL(semop, 12345678, ops, 1L), CALL(semop, id, BAD, 1L);
    unsigned short all[2] = {3, 4};
    struct semid_ds s;
    CALL(semctl, id, 0, SETVAL, 5L), CALL(semctl, id, 0, GETVAL, 0L), CALL(semctl, id, 0, GETALL, all), CALL(semctl, id, 0, SETALL, all), CALL(semctl, id, 0, GETPID, 0L);
    CALL(semctl, id, 0, IPC_STAT, &s), CALL(semctl, id, 0, IPC_SET, &s), CALL(semctl, id, 0, 99, 0L), CALL(semctl, id, 0, IPC_RMID, 0L);
    id = CALL(msgget, IPC_PRIVATE, IPC_CREAT | 0600);
    CALL(msgget, 0x7ace, 0);
    struct {
        long type;
        char text[50];
    } m = {3, "0123456789012345678901234567890123456789"};
    CALL(msgsnd, id, &m, 5L, IPC_NOWAIT), CALL(msgsnd, id, &m, 40L, 0), m.type = 0, CALL(msgsnd, id, &m, 5L, 0), CALL(msgsnd, id, BAD, 5L, 0);
    CALL(msgrcv, id, &m, 50L, 0L, 0), CALL(msgrcv, id, &m, 5L, -4L, MSG_NOERROR), CALL(msgrcv, id, &m, 50L, 7L, IPC_NOWAIT | MSG_EXCEPT);
    struct msqid_ds q;
    CALL(msgctl, id, IPC_STAT, &q), CALL(msgctl, id, IPC_SET, &q), CALL(msgctl, id, 99, NULL), CALL(msgctl, id, IPC_RMID, NULL);
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 32};
    int mq = CALL(mq_open, "trace-queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
    CALL(mq_open, "nothing", O_RDONLY), CALL(mq_open, "trace-queue", O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    char text[40];
    unsigned priority;
    CALL(mq_timedsend, mq, "hello", 5L, 3, NULL), CALL(mq_timedsend, mq, "hello", 5L, 3, &ts), CALL(mq_timedreceive, mq, text, 32L, &priority, NULL);
    CALL(mq_timedreceive, mq, text, 5L, NULL, &ts);
    struct {
        void* value;
        int signo, notify, pad[12];
    } e = {0, SIGUSR1, SIGEV_SIGNAL, {0}};
    CALL(mq_notify, mq, &e), CALL(mq_notify, mq, NULL), attr.mq_flags = O_NONBLOCK, CALL(mq_getsetattr, mq, &attr, &attr), CALL(mq_getsetattr, 99, NULL, &attr);
    CALL(mq_unlink, "trace-queue"), CALL(mq_unlink, "trace-queue"), CALL(close, mq);
}
