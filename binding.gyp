{
  "targets": [
    {
      "target_name": "ipvs",
      "sources": ["native/addon.cc", "native/namespace.cc", "native/socket.cc", "native/socket_set.cc", "native/watch.cc"],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++17", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"]
    }
  ]
}
