# cmake -DSOURCE=DIR -DVERSION=V -DOUT=FILE -P build.cmake: writes build.c when the tree has another name.
cmake_minimum_required(VERSION 3.25)
set(build "${VERSION}")
find_program(GIT git)
if(GIT AND EXISTS "${SOURCE}/.git")
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --tags --always --dirty --match "v[0-9]*"
    OUTPUT_VARIABLE tree OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE rc)
  if(rc EQUAL 0 AND NOT tree STREQUAL "v${VERSION}")
    string(REGEX REPLACE "^v${VERSION}-" "" tree "${tree}")
    string(REGEX REPLACE "[^A-Za-z0-9.]" "." tree "${tree}")
    string(APPEND build "+${tree}")
  endif()
endif()
file(CONFIGURE OUTPUT "${OUT}" CONTENT "#include \"base/build.h\"\nconst char kf_build[] = \"@build@\";\n" @ONLY)
