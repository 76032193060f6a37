import { defineConfig } from 'vite'

// The command for Node. onnxruntime-web and sharp are loaded from node_modules.
export default defineConfig({
  build: {
    ssr: 'src/node/read.ts', outDir: 'dist-node', target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'read.js' } },
  },
})
