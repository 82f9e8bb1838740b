// From the port's bytes to text: the receiver that a session calls.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cli/run/session.h"
#include "cli/trace/presenter.h"
#include "cli/trace/record_stream.h"
#include "cli/util/fd.h"

namespace linnet::cli {

class TraceSession final : public TraceReceiver, TraceWriter {
public:
    // Opens the output file. Throws CommandError.
    explicit TraceSession(TraceOptions options);
    void take(std::string_view bytes) override;
    void finish() override;
    int descriptor() const override { return output_.get(); }
    std::string write_error(int error) const override;

private:
    void write(int tid, std::string_view part) override;
    void message(const std::string& line) override;
    void write_to_own_file(int tid, std::string_view part);

    const TraceOptions options_;
    Fd output_;               // none: stderr, or a file for each thread
    std::map<int, Fd> files_; // -ff
    bool own_file_failed_ = false;
    RecordStream stream_;
    std::unique_ptr<TracePresenter> presenter_;
    bool told_damage_ = false;
};

} // namespace linnet::cli
