cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement:
    listing:
      - entryname: run.sh
        entry: "echo $(inputs.n)"
        writable: true
      - {entry: $(inputs.f), entryname: renamed.txt, writable: false}
      - {class: File, location: data.txt}
      - {class: File, basename: literal.txt, contents: literal}
      - {class: Directory, basename: made, listing: []}
      - $(inputs.f)
inputs: {n: int, f: File}
outputs: []
