cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c]
arguments:
  - {position: 1, valueFrom: 'cat "$1"; echo "$2"; test "$2" != fail'}
  - {position: 2, valueFrom: link}
inputs:
  text:
    type: File
    inputBinding: {position: 3}
  word:
    type: string
    inputBinding: {position: 4}
  name: string
stdout: $(inputs.name)
outputs:
  longer: stdout
