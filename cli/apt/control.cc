#include "cli/apt/control.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "cli/apt/text.h"

namespace linnet::cli {

std::vector<Paragraph> parse_paragraphs(std::string_view text)
{
    std::vector<Paragraph> result;
    Paragraph current;
    std::string field;
    auto flush = [&] {
        if (!current.empty())
            result.push_back(std::move(current));
        current.clear();
        field.clear();
    };
    for (std::string_view line : lines_of(text)) {
        if (trim(line).empty()) {
            flush();
        } else if (line[0] == '#') {
            continue;
        } else if (line[0] == ' ' || line[0] == '\t') {
            if (!field.empty())
                (current[field] += '\n') += trim(line);
        } else if (size_t colon = line.find(':'); colon != std::string_view::npos) {
            field = line.substr(0, colon);
            std::ranges::transform(field, field.begin(), [](unsigned char c) { return std::tolower(c); });
            current[field] = trim(line.substr(colon + 1));
        }
    }
    flush();
    return result;
}

std::vector<std::vector<std::string>> parse_relation(std::string_view text)
{
    std::vector<std::vector<std::string>> result;
    for (std::string_view clause : split_views(text, ',')) {
        std::vector<std::string> names;
        for (std::string_view alternative : split_views(clause, '|')) {
            std::string_view name = trim(alternative);
            name = name.substr(0, name.find_first_of(" \t\n(["));
            name = name.substr(0, name.find(':'));
            if (!name.empty())
                names.emplace_back(name);
        }
        if (!names.empty())
            result.push_back(std::move(names));
    }
    return result;
}

Package package_of(const Paragraph& paragraph)
{
    auto field = [&](const char* name) {
        auto it = paragraph.find(name);
        return it == paragraph.end() ? std::string() : it->second;
    };
    Package package;
    package.name = field("package");
    package.version = field("version");
    package.architecture = field("architecture");
    package.depends = parse_relation(field("pre-depends"));
    std::ranges::move(parse_relation(field("depends")), std::back_inserter(package.depends));
    for (const auto& names : parse_relation(field("provides")))
        package.provides.insert(package.provides.end(), names.begin(), names.end());
    package.essential = field("essential") == "yes";
    package.file_name = field("filename");
    package.file_name = package.file_name.substr(package.file_name.rfind('/') + 1);
    try {
        package.archive_bytes = std::stoull(field("size"));
    } catch (const std::exception&) {
        package.archive_bytes = 0;
    }
    return package;
}

std::vector<std::string> closure_of(const std::map<std::string, Package>& solved,
                                    const std::vector<std::string>& roots,
                                    const std::set<std::string>& left_out)
{
    std::multimap<std::string, std::string> providers;
    for (const auto& [name, package] : solved)
        for (const auto& virtual_name : package.provides)
            providers.emplace(virtual_name, name);

    std::vector<std::string> order;
    std::set<std::string> seen;
    std::function<void(const std::string&)> visit = [&](const std::string& name) {
        auto it = solved.find(name);
        if (it == solved.end() || !seen.insert(name).second)
            return;
        for (const auto& clause : it->second.depends) {
            // If something that is left out is one of the alternatives, the clause is about it.
            if (std::ranges::any_of(clause, [&](const auto& n) { return left_out.contains(n); }))
                continue;
            for (const auto& alternative : clause) {
                if (solved.contains(alternative)) {
                    visit(alternative);
                    break;
                }
                auto [begin, end] = providers.equal_range(alternative);
                if (begin == end)
                    continue;
                for (auto p = begin; p != end; ++p)
                    if (!left_out.contains(p->second))
                        visit(p->second);
                break;
            }
        }
        order.push_back(name);
    };
    for (const auto& root : roots)
        visit(root);
    return order;
}

} // namespace linnet::cli
