{
  # The build that `npm install` runs when no prebuilt addon fits, and that prebuildify runs.
  # Sources and flags are in native/sources.gypi, which native/CMakeLists.txt reads too.
  "includes": ["native/sources.gypi"],
  "targets": [
    {
      "target_name": "flock_anycast",
      "sources": ["<@(addon_sources)"],
      "defines": ["<@(addon_defines)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["<@(addon_cflags)", "<!@(pkg-config --cflags libnl-3.0)"],
      "ldflags": ["<@(addon_ldflags)", "-Wl,--version-script=<(module_root_dir)/native/exports.map"],
      "libraries": ["<!@(pkg-config --libs libnl-3.0)"]
    }
  ]
}
