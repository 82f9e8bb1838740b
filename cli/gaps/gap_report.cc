#include "cli/gaps/gap_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/gaps/gap_names.h"
#include "cli/gaps/gap_places.h"
#include "cli/gaps/gap_store.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

constexpr std::size_t callers_shown = 4; // without -v

// The guest's text on a terminal: no control characters.
std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            result += c;
        } else {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\x%02x", byte);
            result += escape;
        }
    }
    return result;
}

std::string hex(std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

std::string place_text(const NamedPlace& place) {
    std::string text;
    if (place.file.starts_with('/'))
        text = printable(place.file) + "+" + hex(place.address);
    else if (!place.file.empty())
        text = printable(place.file) + " " + hex(place.address);
    else
        text = hex(place.address);
    text += place.symbol.empty() ? " (no symbol)" : " (" + printable(place.symbol) + ")";
    return text + (place.trust == PlaceTrust::certain ? "" : place.trust == PlaceTrust::likely ? "?" : "??");
}

std::string death_text(unsigned status) {
    if (const unsigned signal = status & 0x7f)
        return "killed by " + gap_signal_name(static_cast<int>(signal)) + (status & 0x80 ? " (core dumped)" : "");
    return concat("exited with ", status >> 8 & 0xff);
}

std::string error_part(int error) {
    if (error == 0)
        return "no error: it goes on without";
    const std::string text = gap_error_text(error);
    return gap_error_name(error) + (text.empty() ? "" : " (" + text + ")");
}

const char* times(std::uint64_t count) {
    return count == 1 ? " time" : " times";
}

} // namespace

void print_gap_report(std::ostream& out, const GapReport& report, const GapReportOptions& options) {
    if (report.gaps.empty() && report.others == 0) {
        out << (report.complete ? "no gaps: the program asked for nothing that Linnet lacks\n"
                                : "no gap report: the machine ended before it could tell\n");
        return;
    }
    std::uint64_t asked = report.others;
    for (const GapRecord& gap : report.gaps)
        asked += gap.count;
    out << "gaps: " << report.gaps.size() << (report.gaps.size() == 1 ? " kind" : " kinds") << ", asked for " << asked
        << times(asked) << "\n";
    PlaceNamer namer(options.image);
    if (!options.image.empty() && !namer.has_image())
        out << "(the image of the run is gone: no symbols)\n";
    for (const GapRecord& gap : report.gaps) {
        const GapNames names = gap_names(gap.kind, gap.a, gap.b, gap.c, gap.text, gap.error);
        out << "\n" << printable(names.what) << ": " << names.status << ", " << gap.count << times(gap.count) << ", "
            << error_part(gap.error) << "\n";
        if (!names.note.empty())
            out << "    " << names.note << "\n";
        const NamedGap named = namer.name(gap);
        if (gap.pid != 0)
            out << "    first by " << printable(gap.comm) << ", pid " << gap.pid;
        if (named.asker)
            out << (gap.pid != 0 ? ", at " : "    at ") << place_text(*named.asker);
        if (gap.pid != 0 || named.asker)
            out << "\n";
        for (const ListingLine& line : named.listing)
            out << (line.before ? "      => " : "         ") << hex(line.address) << "  " << line.text << "\n";
        const bool any_known = std::any_of(named.callers.begin(), named.callers.end(),
                                           [](const NamedPlace& place) { return place.trust != PlaceTrust::possible; });
        std::size_t shown = 0;
        for (const NamedPlace& caller : named.callers) {
            if (!options.verbose && shown == callers_shown)
                break;
            if (!options.verbose && any_known && caller.trust == PlaceTrust::possible)
                continue;
            out << "    from " << place_text(caller) << "\n";
            ++shown;
        }
        if (gap.dead_pid != 0)
            out << "    died soon after: pid " << gap.dead_pid << " " << death_text(gap.death) << "\n";
    }
    if (report.others != 0)
        out << "\nand " << report.others << times(report.others) << " something that the table had no room for\n";
    if (!report.complete)
        out << "\nthis is not all: the machine ended before it could tell the rest\n";
}

void print_gaps_behind_trace(std::ostream& out, const GapFile& run, bool quiet) {
    const bool any = !run.report.gaps.empty() || run.report.others != 0;
    if (!any && quiet)
        return;
    out << (any ? "\n" : "linnet: ");
    GapReportOptions options;
    options.image = run.image;
    print_gap_report(out, run.report, options);
    out.flush();
}

std::string gap_report_json(const GapReport& report, const GapReportOptions& options, const std::string& name, const std::string& program) {
    using nlohmann::json;
    PlaceNamer namer(options.image);
    const auto place_json = [](const NamedPlace& place) {
        json result = {{"file", place.file}, {"address", place.address}, {"symbol", place.symbol}};
        return result;
    };
    json gaps = json::array();
    for (const GapRecord& gap : report.gaps) {
        const GapNames names = gap_names(gap.kind, gap.a, gap.b, gap.c, gap.text, gap.error);
        json item = {{"kind", gap.kind},   {"what", names.what}, {"call", names.call},  {"status", names.status},
                     {"note", names.note}, {"count", gap.count}, {"errno", gap.error == 0 ? "" : gap_error_name(gap.error)},
                     {"pid", gap.pid},     {"comm", gap.comm}};
        const NamedGap named = namer.name(gap);
        if (named.asker) {
            item["asker"] = place_json(*named.asker);
            item["disassembly"] = json::array();
            for (const ListingLine& line : named.listing)
                item["disassembly"].push_back({{"address", line.address}, {"text", line.text}, {"call", line.before}});
        }
        item["callers"] = json::array();
        for (const NamedPlace& caller : named.callers) {
            item["callers"].push_back(place_json(caller));
            item["callers"].back()["trust"] = caller.trust == PlaceTrust::certain ? "certain" : caller.trust == PlaceTrust::likely ? "likely" : "possible";
        }
        if (gap.dead_pid != 0) {
            item["died"] = {{"pid", gap.dead_pid}, {"how", death_text(gap.death)}};
            if (gap.death & 0x7f)
                item["died"]["signal"] = gap.death & 0x7f;
            else
                item["died"]["status"] = gap.death >> 8 & 0xff;
        }
        gaps.push_back(std::move(item));
    }
    const json result = {{"name", name},           {"program", program},       {"complete", report.complete},
                         {"others", report.others}, {"gaps", std::move(gaps)}};
    return result.dump(2, ' ', false, json::error_handler_t::replace);
}

} // namespace linnet::cli
