// libFuzzer: any bytes at all as a datagram from the kernel.
//
//   cmake -S native -B build-fuzz -DFUZZ=ON -DSANITIZE=ON -DCMAKE_CXX_COMPILER=clang++
//   cmake --build build-fuzz && build-fuzz/message_fuzz
#include <cstdint>

#include "decode_all.h"

using macvlan_netlink::test::DecodeAll;
using macvlan_netlink::test::DecodeAsEveryRecord;
using macvlan_netlink::wire::ByteSpan;

// The first byte says how much of the rest is the request that an acknowledgement would answer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteSpan rest(data + 1, size - 1);
  const size_t cut = rest.size * data[0] / 256;
  DecodeAll(rest.From(cut), ByteSpan(rest.data, cut));
  DecodeAsEveryRecord(rest);
  return 0;
}
