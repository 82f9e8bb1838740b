#include "cli/apt/shell_lexer.h"

#include <algorithm>

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

class Lexer {
public:
    explicit Lexer(std::string_view script) : text_(script) {}

    std::vector<ShellToken> run()
    {
        while (at_ < text_.size())
            next();
        op("\n");
        return std::move(tokens_);
    }

private:
    char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

    void op(std::string text) { tokens_.push_back({true, std::move(text)}); }

    void next()
    {
        char c = peek();
        if (c == ' ' || c == '\t' || c == '\r') {
            ++at_;
        } else if (c == '\\' && peek(1) == '\n') {
            at_ += 2;
        } else if (c == '\n') {
            ++at_;
            op("\n");
            skip_here_documents();
        } else if (c == '#') {
            while (at_ < text_.size() && peek() != '\n')
                ++at_;
        } else if (c == ';' || c == '&' || c == '|') {
            bool doubled = peek(1) == c;
            op(std::string(doubled ? 2 : 1, c));
            at_ += doubled ? 2 : 1;
        } else if (c == '(' || c == ')') {
            op(std::string(1, c));
            ++at_;
        } else if (c == '<' || c == '>') {
            redirection();
        } else {
            std::string word = read_word();
            bool descriptor = (peek() == '<' || peek() == '>') &&
                              std::ranges::all_of(word, [](char d) { return d >= '0' && d <= '9'; });
            if (!descriptor)
                tokens_.push_back({false, std::move(word)});
        }
    }

    void redirection()
    {
        bool here = peek() == '<' && peek(1) == '<';
        while (peek() == '<' || peek() == '>' || peek() == '&' || peek() == '|')
            ++at_;
        bool strip_tabs = here && peek() == '-';
        if (strip_tabs)
            ++at_;
        while (peek() == ' ' || peek() == '\t')
            ++at_;
        std::string word = read_word();
        if (here) {
            std::erase_if(word, [](char c) { return c == '\'' || c == '"' || c == '\\'; });
            here_documents_.push_back(word);
        }
    }

    void skip_here_documents()
    {
        for (const std::string& end : here_documents_) {
            while (at_ < text_.size()) {
                size_t line_end = std::min(text_.find('\n', at_), text_.size());
                std::string_view line = text_.substr(at_, line_end - at_);
                at_ = std::min(line_end + 1, text_.size());
                if (trim(line) == end)
                    break;
            }
        }
        here_documents_.clear();
    }

    // Copies from the current character to the one that closes it. `depth` bounds hostile nesting.
    void read_balanced(char open, char close, std::string& word)
    {
        int depth = 0;
        while (at_ < text_.size()) {
            char c = text_[at_++];
            word += c;
            if (c == '\\' && at_ < text_.size())
                word += text_[at_++];
            else if (c == open && open != close)
                ++depth;
            else if (c == close && (open != close ? --depth == 0 : ++depth == 2))
                return;
        }
    }

    std::string read_word()
    {
        std::string word;
        while (at_ < text_.size()) {
            char c = peek();
            if (std::string_view(" \t\r\n;&|()<>").find(c) != std::string_view::npos)
                break;
            if (c == '\\') {
                if (peek(1) != '\n') {
                    word += c;
                    word += peek(1);
                }
                at_ = std::min(at_ + 2, text_.size());
            } else if (c == '\'') {
                size_t end = std::min(text_.find('\'', at_ + 1), text_.size() - 1);
                word += text_.substr(at_, end + 1 - at_);
                at_ = end + 1;
            } else if (c == '"') {
                read_double_quoted(word);
            } else if (c == '`') {
                read_balanced('`', '`', word);
            } else if (c == '$' && (peek(1) == '(' || peek(1) == '{')) {
                word += c;
                ++at_;
                read_balanced(peek(), peek() == '(' ? ')' : '}', word);
            } else {
                word += c;
                ++at_;
            }
        }
        return word;
    }

    void read_double_quoted(std::string& word)
    {
        word += text_[at_++];
        while (at_ < text_.size()) {
            char c = peek();
            if (c == '$' && (peek(1) == '(' || peek(1) == '{')) {
                word += c;
                ++at_;
                read_balanced(peek(), peek() == '(' ? ')' : '}', word);
                continue;
            }
            if (c == '`') {
                read_balanced('`', '`', word);
                continue;
            }
            word += c;
            ++at_;
            if (c == '\\' && at_ < text_.size())
                word += text_[at_++];
            else if (c == '"')
                return;
        }
    }

    std::string_view text_;
    size_t at_ = 0;
    std::vector<ShellToken> tokens_;
    std::vector<std::string> here_documents_;
};

} // namespace

std::vector<ShellToken> lex_shell(std::string_view script) { return Lexer(script).run(); }

} // namespace linnet::cli
