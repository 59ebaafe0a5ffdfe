cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
inputs: {n: "long[]", any: Any}
outputs: []
