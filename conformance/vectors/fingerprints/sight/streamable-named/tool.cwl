cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: ["streamable: $(inputs.f.streamable)"]
inputs: {f: File, g: File, d: Directory}
outputs: []
