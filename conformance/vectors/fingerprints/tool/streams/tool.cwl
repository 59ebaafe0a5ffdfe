cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
stdin: $(inputs.f.path)
stdout: out.txt
stderr: errors/$(inputs.n).txt
inputs: {f: File, n: int}
outputs: []
