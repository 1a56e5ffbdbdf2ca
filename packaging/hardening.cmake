# What makes a fault in our programs harder to use. Each flag is asked of the compiler first, and
# tests/lint/hardening.sh reads the programs and fails when one is missing.
include(CheckPIESupported)
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

# Programs are loaded at a random address, also with a compiler that does not do so by itself.
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# zero: a variable that was never set holds no old secret and no pointer. cf-protection is of x86,
# branch-protection of ARM.
foreach(flag -fstack-clash-protection -fcf-protection -mbranch-protection=standard -ftrivial-auto-var-init=zero)
  string(MAKE_C_IDENTIFIER "KF_HAS${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(kf_flags INTERFACE ${flag})
  endif()
endforeach()

# A distribution's own level stays. It needs optimization.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT CMAKE_C_FLAGS MATCHES "_FORTIFY_SOURCE")
  check_c_source_compiles("
    #if !__has_builtin(__builtin_dynamic_object_size)
    #error it knows level 2
    #endif
    int main(void) { return 0; }" KF_HAS_FORTIFY_3)
  if(KF_HAS_FORTIFY_3)
    set(level 3)
  else()
    set(level 2)
  endif()
  target_compile_options(kf_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level})
endif()
