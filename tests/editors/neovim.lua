-- A session with the language server in Neovim (0.7 or later), run headless by tests/lsp_neovim.rs:
--
--     NIGHTJAR=nightjar REPORT=report.json nvim --headless --clean -n -S tests/editors/neovim.lua
--
-- Opens a query, waits for findings, asks for completion, a hover and a definition, renames, repairs,
-- formats, and writes what it saw as JSON.

local report = {}

local function finish(code)
  local file = io.open(os.getenv('REPORT'), 'w')
  file:write(vim.fn.json_encode(report))
  file:close()
  vim.cmd(code == 0 and 'qall!' or 'cquit!')
end

local function run()
  local lines = { "let name = 'é';", 'DeviceInfo', "| where 'é' == name and DeviceNmae == 'x'|take 1" }
  local path = vim.fn.tempname() .. '.kql'
  vim.fn.writefile(lines, path)
  vim.cmd('edit ' .. path)
  local buffer = vim.api.nvim_get_current_buf()
  local id = vim.lsp.start_client({
    name = 'nightjar',
    cmd = { os.getenv('NIGHTJAR'), 'kql', 'lsp', '--no-lints' },
    root_dir = vim.fn.getcwd(),
  })
  vim.lsp.buf_attach_client(buffer, id)
  local client = vim.lsp.get_client_by_id(id)

  local function wait(what, ready)
    if not vim.wait(30000, ready, 10) then error('waited in vain for ' .. what) end
  end
  local function findings() return vim.diagnostic.get(buffer) end
  local function text() return vim.api.nvim_buf_get_lines(buffer, 0, -1, false) end
  local function ask(method, params)
    local answer, why = client.request_sync(method, params, 30000, buffer)
    if not answer or answer.err then
      error(method .. ': ' .. tostring(why or vim.inspect(answer.err)))
    end
    return answer.result
  end
  -- line from 1, column in bytes from 0, as Neovim counts
  local function at(line, column)
    vim.api.nvim_win_set_cursor(0, { line, column })
    return vim.lsp.util.make_position_params(0, client.offset_encoding)
  end

  wait('findings', function() return #findings() > 0 end)
  for _, it in ipairs(findings()) do it.user_data, it.namespace = nil, nil end
  report.findings = findings()
  report.encoding = client.offset_encoding

  report.hover = ask('textDocument/hover', at(2, 3)).contents.value
  local place = ask('textDocument/definition', at(3, 16)).range.start
  report.definition = { place.line, place.character }

  -- typed as a person types: a line more
  vim.api.nvim_buf_set_lines(buffer, 3, 3, false, { '| su' })
  report.words = {}
  for _, it in ipairs(ask('textDocument/completion', at(4, 4)).items) do
    if vim.startswith(it.label, 'su') then table.insert(report.words, it.label) end
  end
  vim.api.nvim_buf_set_lines(buffer, 3, 4, false, {})

  local params = at(3, 16)
  params.newName = 'threshold'
  vim.lsp.util.apply_workspace_edit(ask('textDocument/rename', params), client.offset_encoding)
  report.renamed = text()

  wait('the finding after the change', function()
    return #findings() == 1 and findings()[1].col == 30
  end)
  local found = findings()[1]
  at(3, found.col)
  params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  params.context = { diagnostics = vim.lsp.diagnostic.get_line_diagnostics(buffer, 2) }
  local repair = ask('textDocument/codeAction', params)[1]
  vim.lsp.util.apply_workspace_edit(repair.edit, client.offset_encoding)
  report.repaired = text()

  params = vim.lsp.util.make_formatting_params({ tabSize = 4, insertSpaces = true })
  vim.lsp.util.apply_text_edits(ask('textDocument/formatting', params), buffer, client.offset_encoding)
  report.formatted = text()

  wait('no findings', function() return #findings() == 0 end)
  report.findings_after = #findings()
  client.stop()
  wait('its end', function() return client.is_stopped() end)
  report.stopped = true
end

local ok, why = xpcall(run, debug.traceback)
if not ok then report.error = tostring(why) end
finish(ok and 0 or 1)
