// Reads the JSON of the fixtures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace macvlan_netlink::test {

class Json {
 public:
  // Ends the program with a message when the text is not JSON.
  static Json Parse(std::string_view text);

  bool Has(std::string_view key) const { return !(*this)[key].null_; }
  // A member of an object; a null value when there is none of that name.
  const Json& operator[](std::string_view key) const;

  const std::vector<Json>& Items() const { return items_; }
  const std::vector<std::pair<std::string, Json>>& Members() const { return members_; }
  const std::string& Text() const { return text_; }
  // Numbers here are whole; true is 1.
  int64_t Number() const { return number_; }
  // The items of an array of strings; empty for null.
  std::vector<std::string> Texts() const;

 private:
  friend class JsonParser;

  bool null_ = true;
  int64_t number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace macvlan_netlink::test
