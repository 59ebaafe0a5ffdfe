cwlVersion: v1.2
class: CommandLineTool
arguments: [sort, {valueFrom: align, position: $(inputs.n)}]
inputs: {n: int}
outputs: []
