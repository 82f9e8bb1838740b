#include "vfs/pidfd.h"

#include "kernel/lib/string.h"
#include "vfs/file_table.h"
#include "vfs/inode.h"

namespace linnet {

namespace {

constexpr char kDescription[] = "anon_inode:[pidfd]";
constexpr u32 kReadWrite = 2, kCloseOnExec = 02000000; // O_RDWR, O_CLOEXEC

class PidFile final : public File {
  public:
    PidFile(Ref<Inode> inode, Ref<Process> p, u32 flags) : File(kReadWrite | flags), inode_(std::move(inode)), process_(std::move(p)) {}

    u32 poll(PollTable* table) override {
        if (table) table->watch(process_->exit_wait);
        return __atomic_load_n(&process_->zombie, __ATOMIC_ACQUIRE) ? kPollIn | kPollRdNorm : 0;
    }
    void describe(TextBuffer& out) override { out.append("%s", kDescription); }
    void show_info(TextBuffer& out) override {
        // Once the process was waited for it has no number any more.
        const i32 pid = process_->pid && find_process(process_->pid) == process_ ? process_->pid : -1;
        out.append("Pid:\t%d\nNSpid:\t%d\n", pid, pid);
    }
    Inode& inode() override { return *inode_; }
    Process& process() { return *process_; }

  private:
    Ref<Inode> inode_;
    Ref<Process> process_;
};

} // namespace

Result<Ref<File>> make_pidfd(Ref<Process> p, u32 flags) {
    Ref<Inode> inode = TRY(make_anonymous_inode(0600));
    return Ref<File>(TRY(make_ref<PidFile>(std::move(inode), std::move(p), flags)));
}

Process* process_of_pidfd(File& f) {
    // There is no RTTI: the text that /proc shows tells the class.
    char text[32];
    TextBuffer t(text, sizeof text);
    f.describe(t);
    return strcmp(text, kDescription) ? nullptr : &static_cast<PidFile&>(f).process();
}

Result<i32> install_pidfd_file(Process& p) {
    Ref<File> file = TRY(make_pidfd(Ref<Process>(&p), 0));
    return install_file(std::move(file), kCloseOnExec);
}

void remove_pidfd_file(i32 fd) { (void)current_files().close(fd); }

} // namespace linnet
