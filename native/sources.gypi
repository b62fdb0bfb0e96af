{
  "variables": {
    "addon_sources": [
      "native/src/addon.cc",
      "native/src/dump_reader.cc",
      "native/src/dump_task.cc",
      "native/src/errno_name.cc",
      "native/src/js_arguments.cc",
      "native/src/js_errors.cc",
      "native/src/js_values.cc",
      "native/src/kernel_abilities.cc",
      "native/src/kernel_version.cc",
      "native/src/link_dump.cc",
      "native/src/monitor.cc",
      "native/src/monitor_filter.cc",
      "native/src/monitor_handle.cc",
      "native/src/netlink_socket.cc",
      "native/src/object_codec.cc",
      "native/src/object_dump.cc",
      "native/src/packed_record.cc",
      "native/src/parallel_writer.cc",
      "native/src/request_window.cc",
      "native/src/route_codec.cc",
      "native/src/route_dump.cc",
      "native/src/route_lookup.cc",
      "native/src/route_socket.cc",
      "native/src/route_writer.cc",
      "native/src/shards.cc",
      "native/src/socket_owner.cc",
      "native/src/dump_policy.cc",
      "native/src/worker.cc"
    ],
    "addon_defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS", "_GNU_SOURCE"],
    "addon_cflags": ["-std=c++20", "-O2", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra"],
    "addon_ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,-z,now", "-Wl,-z,noexecstack"]
  }
}
