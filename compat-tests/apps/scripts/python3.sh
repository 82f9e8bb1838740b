# packages: python3 dash coreutils
# memory: 256M
# Python's subprocess and multiprocessing, in every way that they start processes.
set -eu
cat >/tmp/run.py <<'PYTHON'
import concurrent.futures, errno, multiprocessing, os, resource, select, signal, subprocess, sys, tempfile, threading, time
from multiprocessing import shared_memory


def square(n):
    return n * n


def worker_pid(_):
    return os.getpid()


def add(lock, value, array, times):
    for i in range(times):
        with lock:
            value.value += 1
            array[i % len(array)] += 1


def echo(connection):
    while (message := connection.recv()) is not None:
        connection.send(message)
    connection.close()


def fail():
    raise ValueError('of the child')


def sleeper():
    signal.pause()


def use_shared_memory(name):
    block = shared_memory.SharedMemory(name)
    block.buf[:5] = b'child'
    block.close()


def consume(queue, results):
    while (item := queue.get()) is not None:
        results.put(item * 2)


def subprocess_cases():
    print('## subprocess')
    print(subprocess.run(['echo', 'hello'], capture_output=True))
    print(subprocess.run('echo out; echo err >&2; exit 3', shell=True, capture_output=True))
    print(subprocess.run(['cat'], input=b'x' * 300000, stdout=subprocess.PIPE).stdout.count(b'x'))
    print(subprocess.check_output(['sh', '-c', 'echo $A; pwd'], env={**os.environ, 'A': 'of the environment'}, cwd='/usr', text=True))
    for argv in (['/nosuch/program'], ['/etc/passwd'], ['/usr'], ['true']):
        try:
            print(subprocess.run(argv, cwd='/nosuch' if argv == ['true'] else None).returncode)
        except OSError as error:
            print(type(error).__name__, error)
    try:
        subprocess.run(['sleep', '100'], timeout=0.1)
    except subprocess.TimeoutExpired as error:
        print(error.cmd)
    p = subprocess.Popen(['sleep', '100'])
    print(p.poll())
    p.send_signal(signal.SIGTERM)
    print(p.wait())
    p = subprocess.Popen(['sh', '-c', 'kill -SEGV $$'])
    print(p.wait())
    a = subprocess.Popen(['seq', '100000'], stdout=subprocess.PIPE)
    b = subprocess.Popen(['sort', '-rn'], stdin=a.stdout, stdout=subprocess.PIPE)
    a.stdout.close()
    c = subprocess.Popen(['head', '-n', '3'], stdin=b.stdout, stdout=subprocess.PIPE)
    b.stdout.close()
    print(c.communicate()[0], a.wait(), b.wait() in (0, -signal.SIGPIPE, 2))
    p = subprocess.Popen(['sh', '-c', 'test $$ = $(ps -o sid= -p $$ 2>/dev/null || cut -d" " -f6 /proc/$$/stat)'], start_new_session=True)
    print('new session', p.wait())
    p = subprocess.run(['sh', '-c', 'umask; id -u; id -g; ulimit -n'], stdout=subprocess.PIPE, text=True, user=1234, group=4321, extra_groups=[], umask=0o27,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    print(p.stdout.split())
    r, w = os.pipe()
    p = subprocess.run(['sh', '-c', f'echo inherited >&{w}'], pass_fds=[w])
    os.close(w)
    print(os.read(r, 100), os.read(r, 100))
    p = subprocess.run(['sh', '-c', f'echo x >&{r}'], stderr=subprocess.PIPE)
    print(p.returncode != 0, b'Bad file descriptor' in p.stderr)
    print(os.waitstatus_to_exitcode(os.system('exit 7')), os.popen('echo popen').read())
    pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'exit 9'], os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 0)])
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    children = [subprocess.Popen(['sh', '-c', f'exit {i}']) for i in range(20)]
    print([p.wait() for p in children])
    threads = [concurrent.futures.ThreadPoolExecutor(4).submit(subprocess.check_output, ['echo', str(i)]) for i in range(12)]
    print([t.result() for t in threads])


def multiprocessing_cases(method):
    print('## multiprocessing,', method)
    mp = multiprocessing.get_context(method)
    with mp.Pool(3) as pool:
        print(pool.map(square, range(50)) == [n * n for n in range(50)])
        print(len(set(pool.map(worker_pid, range(60), chunksize=1))) in (1, 2, 3))
        try:
            pool.apply(fail)
        except ValueError as error:
            print('ValueError', error)
        print(sorted(pool.imap_unordered(square, range(5))))
    lock, value, array = mp.Lock(), mp.Value('l', 0, lock=False), mp.Array('i', 7, lock=False)
    processes = [mp.Process(target=add, args=(lock, value, array, 500)) for _ in range(4)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
    print(value.value, sum(array), [p.exitcode for p in processes])
    here, there = mp.Pipe()
    p = mp.Process(target=echo, args=(there,))
    p.start()
    for message in ('text', 17, b'x' * 200000, None):
        here.send(message)
        if message is not None:
            print(here.recv() == message)
    p.join()
    print(p.exitcode)
    queue, results = mp.Queue(), mp.Queue()
    consumers = [mp.Process(target=consume, args=(queue, results)) for _ in range(2)]
    for p in consumers:
        p.start()
    for n in range(100):
        queue.put(n)
    got = sorted(results.get() for _ in range(100))
    for _ in consumers:
        queue.put(None)
    for p in consumers:
        p.join()
    print(got == [2 * n for n in range(100)])
    p = mp.Process(target=sleeper)
    p.start()
    print(p.is_alive())
    p.terminate()
    p.join()
    print(p.exitcode)
    p = mp.Process(target=sleeper, daemon=True)
    p.start()
    p.kill()
    print(multiprocessing.connection.wait([p.sentinel]) == [p.sentinel], p.join(), p.exitcode)
    block = shared_memory.SharedMemory(create=True, size=10000)
    p = mp.Process(target=use_shared_memory, args=(block.name,))
    p.start()
    p.join()
    print(bytes(block.buf[:5]), p.exitcode)
    block.close()
    block.unlink()
    with mp.Manager() as manager:
        shared = manager.dict(a=1)
        shared['b'] = [1, 2]
        print(dict(shared))
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=mp) as executor:
        print(list(executor.map(square, range(10))))
        future = executor.submit(os._exit, 3)
        try:
            future.result()
        except concurrent.futures.process.BrokenProcessPool as error:
            print('BrokenProcessPool')


if __name__ == '__main__':
    import multiprocessing.connection
    sys.stdout.reconfigure(line_buffering=True)
    subprocess_cases()
    for method in ('fork', 'spawn', 'forkserver'):
        multiprocessing_cases(method)
    print(os.listdir('/dev/shm') if os.environ.get('LIST') else '', threading.active_count() < 20)
PYTHON
python3 /tmp/run.py
echo end
