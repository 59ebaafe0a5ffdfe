cwlVersion: v1.0
class: CommandLineTool
baseCommand: [sh, run.sh]
requirements:
  - class: InitialWorkDirRequirement
    listing:
      - {entryname: run.sh, entry: "echo $(inputs.word) > out.txt"}
      - {class: File, location: data.txt}
  - class: ShellCommandRequirement
inputs:
  word: string
outputs:
  out: {type: File, outputBinding: {glob: "*.txt", outputEval: "$(self[0])"}}
stdin: data.txt
