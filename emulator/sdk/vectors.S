/* Entry and exception vectors, by the names and in the sections that the SDK's libmain has them:
 * the linker must take them from here and not from the ROM's addresses. Nothing raises an exception
 * under the fake SDK. */
  .section .UserEnter.text, "ax"
  .global call_user_start
call_user_start:
  j start_sdk
  .balign 16

.macro vector name
  .section .\name\()ExceptionVector.text, "ax"
  .global _\name\()ExceptionVector
  .type _\name\()ExceptionVector, @function
_\name\()ExceptionVector:
  break 1, 1
  j _\name\()ExceptionVector
.endm

vector Debug
vector NMI
vector Kernel
vector User
vector Double
