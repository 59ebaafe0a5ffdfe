cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [sort, {valueFrom: uniq, position: $(inputs.n)}]
inputs: {n: int}
outputs: []
